/** A member to write. */
export interface TarInput {
  readonly path: string
  /**
   * Type flag: `'0'` a file, `'x'` a pax header, `'g'` one for all members, `'L'` a long name.
   * Default `'0'`.
   */
  readonly type?: string
  readonly body: Uint8Array
}

/** One member as ustar has it: its header, its body, and what fills the last block. */
export function tarMember({ path, type = '0', body }: TarInput): Buffer {
  const header = Buffer.alloc(512)
  header.write(path, 0, 100)
  header.write('0000644\0', 100)
  header.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write('        ', 148)
  header.write(type, 156)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512)])
}

/** A whole archive, with its end marker. */
export function tarOf(members: readonly TarInput[]): Buffer {
  return Buffer.concat([...members.map(tarMember), Buffer.alloc(1024)])
}

/** One record of a pax header. */
export function paxRecord(keyword: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${keyword}=${value}\n`)
  let length = rest + 1
  while (String(length).length + rest !== length) length = String(length).length + rest
  return Buffer.from(`${length} ${keyword}=${value}\n`)
}
