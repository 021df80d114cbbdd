/** A script's text as words and operators; quotes and substitutions stay in their word. */

export const OPERATORS = ['&&', '||', ';;', ';', '|', '&', '\n', '(', ')'];

export function tokenize(text: string): string[] {
  const words: string[] = [];
  let word = '';
  const push = () => {
    if (word !== '') words.push(word);
    word = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i] ?? '';
    if (c === '\\' && text[i + 1] === '\n') i++;
    else if (c === '\\') word += c + (text[++i] ?? '');
    else if (c === "'" || c === '`') {
      const end = text.indexOf(c, i + 1);
      word += text.slice(i, end < 0 ? text.length : end + 1);
      i = end < 0 ? text.length : end;
    } else if (c === '"') {
      const start = i;
      for (i++; i < text.length && text[i] !== '"'; i++) {
        if (text[i] === '\\') i++;
        else if (text.startsWith('$(', i)) i = closing(text, i + 1);
      }
      word += text.slice(start, i + 1);
    } else if (c === '$' && text[i + 1] === '(') {
      const end = closing(text, i + 1);
      word += text.slice(i, end + 1);
      i = end;
    } else if (c === '#' && word === '') {
      while (i + 1 < text.length && text[i + 1] !== '\n') i++;
    } else if (c === ' ' || c === '\t' || c === '\r') push();
    else {
      const inRedirect = c === '&' && (word.endsWith('>') || text[i + 1] === '>');
      const operator = inRedirect ? undefined : OPERATORS.find((o) => text.startsWith(o, i));
      if (operator === undefined) word += c;
      else {
        push();
        words.push(operator);
        i += operator.length - 1;
      }
    }
  }
  push();
  return words;
}

/** The index of the parenthesis that closes the one at `open`. */
export function closing(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')' && --depth === 0) return i;
  }
  return text.length;
}
