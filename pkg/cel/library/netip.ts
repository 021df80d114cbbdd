/** Why a text is no IP address or network, as Go's `net/netip` says it. */

interface Fault {
  readonly message: string;
  /** From where on the text does not fit. */
  readonly at?: string;
}

const quote = (text: string) => JSON.stringify(text);

/** `ParseAddr("1.2.3"): IPv4 address too short` */
export function addressFault(text: string): string {
  const { message, at = '' } = fault(text);
  return `ParseAddr(${quote(text)}): ${message}${at === '' ? '' : ` (at ${quote(at)})`}`;
}

/** `netip.ParsePrefix("1.2.3.4"): no '/'`; `isAddress`: whether what stands before the slash is an address. */
export function prefixFault(text: string, isAddress: (text: string) => boolean): string {
  const slash = text.lastIndexOf('/');
  const address = text.slice(0, Math.max(0, slash));
  const bits = text.slice(slash + 1);
  const why = () => {
    if (slash < 0) return "no '/'";
    if (address.includes('%')) return 'IPv6 zones cannot be present in a prefix';
    if (!isAddress(address)) return addressFault(address);
    return /^(0|[1-9]\d*)$/.test(bits)
      ? 'prefix length out of range'
      : `bad bits after slash: ${quote(bits)}`;
  };
  return `netip.ParsePrefix(${quote(text)}): ${why()}`;
}

function fault(text: string): Fault {
  const first = /[.:%]/.exec(text)?.[0];
  if (first === '.') return faultOf4(text);
  if (first === ':') return faultOf6(text);
  return { message: first === '%' ? 'missing IPv6 address' : 'unable to parse IP' };
}

function faultOf4(text: string): Fault {
  let value = 0;
  let digits = 0;
  let fields = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (/\d/.test(char)) {
      if (digits === 1 && value === 0) return { message: 'IPv4 field has octet with leading zero' };
      value = value * 10 + Number(char);
      digits++;
      if (value > 255) return { message: 'IPv4 field has value >255' };
    } else if (char === '.') {
      if (i === 0 || i === text.length - 1 || text[i - 1] === '.')
        return { message: 'IPv4 field must have at least one digit', at: text.slice(i) };
      if (fields === 3) return { message: 'IPv4 address too long' };
      fields++;
      value = 0;
      digits = 0;
    } else return { message: 'unexpected character', at: text.slice(i) };
  }
  return { message: 'IPv4 address too short' };
}

function faultOf6(text: string): Fault {
  const percent = text.indexOf('%');
  if (percent >= 0 && percent === text.length - 1)
    return { message: 'zone must be a non-empty string' };
  let rest = percent < 0 ? text : text.slice(0, percent);
  let ellipsis = rest.startsWith('::');
  if (ellipsis) rest = rest.slice(2);
  let bytes = 0;
  while (bytes < 16 && rest !== '') {
    const field = /^[0-9a-fA-F]*/.exec(rest)?.[0] ?? '';
    if (field.length > 4) return { message: 'each group must have 4 or less digits', at: rest };
    if (field === '')
      return {
        message: 'each colon-separated field must have at least one digit',
        at: rest,
      };
    if (rest[field.length] === '.') {
      if (!ellipsis && bytes !== 12)
        return {
          message: 'embedded IPv4 address must replace the final 2 fields of the address',
          at: rest,
        };
      if (bytes > 12)
        return {
          message: 'too many hex fields to fit an embedded IPv4 at the end of the address',
          at: rest,
        };
      return faultOf4(rest);
    }
    bytes += 2;
    rest = rest.slice(field.length);
    if (rest === '') break;
    if (!rest.startsWith(':')) return { message: 'unexpected character, want colon', at: rest };
    if (rest.length === 1)
      return { message: 'colon must be followed by more characters', at: rest };
    rest = rest.slice(1);
    if (rest.startsWith(':')) {
      if (ellipsis) return { message: 'multiple :: in address', at: rest };
      ellipsis = true;
      rest = rest.slice(1);
    }
  }
  if (rest !== '') return { message: 'trailing garbage after address', at: rest };
  if (bytes < 16) return { message: 'address string too short' };
  return { message: 'the :: must expand to at least one field of zeros' };
}
