// What the test of batchers in regions runs in workers.
import type { Aggregator } from 'spindle'
import { bucketByLength } from 'spindle/loader'

export function buckets(): Aggregator<string, string[]> {
  return bucketByLength<string>({
    length: (text) => text.length,
    boundaries: [1, 2, 3],
    batchSize: 2,
  })()
}
