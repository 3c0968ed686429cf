/** The upper half of code page 437, in which names stand that are not marked as UTF-8. */
const UPPER =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0'

const UPPER_BYTE = /[\x80-\xff]/

/** Text in the code page of the IBM PC. */
export function decodeCp437(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  // Nearly all names are ASCII, and looking costs less than replacing nothing.
  if (!UPPER_BYTE.test(text)) return text
  return text.replaceAll(new RegExp(UPPER_BYTE, 'g'), (byte) => UPPER[byte.charCodeAt(0) - 128]!)
}
