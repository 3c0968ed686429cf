// expect-message: '(batch: string[]) => number' is not assignable to type 'OpFunction<
import { DataLoader } from 'spindle/loader'

new DataLoader([1, 2, 3], { batchSize: 2, collate: (batch: string[]) => batch.length })
