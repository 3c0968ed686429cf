/** The upper half of code page 437, the encoding of names that are not marked as UTF-8. */
const UPPER =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0'

const UPPER_BYTE = /[\x80-\xff]/

/** Decodes text in code page 437. */
export function decodeCp437(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  // Nearly all names are ASCII, and a test costs less than a replacement without effect.
  if (!UPPER_BYTE.test(text)) return text
  return text.replaceAll(new RegExp(UPPER_BYTE, 'g'), (byte) => UPPER[byte.charCodeAt(0) - 128]!)
}
