/** 16-bit sample of every A-law byte. ITU-T G.711, table 1. */
export const ALAW: Int16Array = Int16Array.from({ length: 256 }, (_, byte) => {
  // Every other bit is sent inverted.
  const code = byte ^ 0x55
  const segment = (code >> 4) & 7
  const step = ((code & 0x0f) << 4) + 8
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1)
  return (code & 0x80) !== 0 ? magnitude : -magnitude
})

/** 16-bit sample of every mu-law byte. ITU-T G.711, table 2. */
export const MULAW: Int16Array = Int16Array.from({ length: 256 }, (_, byte) => {
  const code = ~byte & 0xff
  const bias = 0x84
  const magnitude = ((((code & 0x0f) << 3) + bias) << ((code >> 4) & 7)) - bias
  return (code & 0x80) !== 0 ? -magnitude : magnitude
})
