import { checkInteger } from '../../check.ts'
import type { Plan } from '../seek/seek-plan.ts'

/**
 * The numbers 0, 1, … `size` - 1.
 *
 * @throws `ERR_BAD_OPTION`
 */
export function rangeOf(size: number): Plan<number> {
  checkInteger('size', size, 1)
  return {
    size,
    access: 'random',
    isAsync: false,
    describe: () => ({ kind: 'range', size }),
    pick: (positions) => positions,
  }
}
