/** `$((…))`: whole numbers with + - * / %, left to right with the usual precedence. */
export function arithmetic(expression: string, env: ReadonlyMap<string, string>): number {
  const terms = expression
    .replace(/\$?\{?([A-Za-z_]\w*)\}?/g, (_, name: string) => String(Number(env.get(name)) || 0))
    .match(/\d+|[-+*/%()]/g);
  if (!terms) return 0;
  let at = 0;
  const factor = (): number => {
    const term = terms[at++];
    if (term === '-') return -factor();
    if (term !== '(') return Number(term) || 0;
    const value = sum();
    at++;
    return value;
  };
  const product = (): number => {
    let value = factor();
    for (let op = terms[at]; op === '*' || op === '/' || op === '%'; op = terms[at]) {
      at++;
      const right = factor();
      value =
        op === '*'
          ? value * right
          : right === 0
            ? 0
            : op === '/'
              ? Math.trunc(value / right)
              : value % right;
    }
    return value;
  };
  const sum = (): number => {
    let value = product();
    for (let op = terms[at]; op === '+' || op === '-'; op = terms[at]) {
      at++;
      value = op === '+' ? value + product() : value - product();
    }
    return value;
  };
  return sum();
}
