// Pictures and sounds that `scripts/truth/models.py` makes too, with the same formulas.

export function picture(width: number, height: number) {
  const data = new Uint8Array(width * height * 3)
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++)
        data[at++] =
          (x * 7 + y * 13 + c * 29 + ((x * y) % 17) * 9 + ((x >> 3) ^ (y >> 2)) * 31) & 255
  return { data, dtype: 'uint8', shape: [height, width, 3] } as const
}

/** A tone that rises, and noise. */
export function sound(samples: number): Float32Array {
  const data = new Float32Array(samples)
  let state = 1
  for (let i = 0; i < samples; i++) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    const noise = state / 1073741824 - 1
    data[i] = 0.4 * Math.sin(i * (0.02 + i * 1e-6)) + 0.05 * noise
  }
  return data
}
