export function triple(n: number): number {
  if (n < 0) throw new Error('negative')
  return n * 3
}
