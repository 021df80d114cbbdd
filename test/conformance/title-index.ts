/**
 * The titles of a test file, read from its source: first arguments of `.test(…)`, and `title`, `name` or `what`
 * of a table's rows. What is put together while it runs is not found, so a row must name a title that stands in
 * the source.
 */
import ts from 'typescript';

const ROW_TITLES = new Set(['title', 'name', 'what']);

export function titlesOf(source: string): Set<string> {
  const titles = new Set<string>();
  const file = ts.createSourceFile('test.ts', source, ts.ScriptTarget.Latest);
  const visit = (node: ts.Node): void => {
    const title = titleIn(node);
    if (title !== undefined && ts.isStringLiteralLike(title)) titles.add(title.text);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return titles;
}

function titleIn(node: ts.Node): ts.Expression | undefined {
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    return node.expression.name.text === 'test' ? node.arguments[0] : undefined;
  }
  if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name)) {
    return ROW_TITLES.has(node.name.text) ? node.initializer : undefined;
  }
  return undefined;
}
