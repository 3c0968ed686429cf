import { setTimeout as delay } from 'node:timers/promises'

export async function inThread(n: number): Promise<number> {
  await delay(1)
  return n
}

export function inProcess(n: number): number {
  const end = performance.now() + 1
  while (performance.now() < end);
  return n
}
