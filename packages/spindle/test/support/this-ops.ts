// What the tests of `this` run in workers.
export function thisOf(this: unknown, _item: number): string {
  return typeof this
}
