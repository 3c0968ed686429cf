// expect-message: '(text: string) => string' is not assignable to type 'OpFunction<number, string>'
import { DataLoader } from 'spindle/loader'

new DataLoader([1, 2, 3], { preprocess: (text: string) => text, batchSize: 2 })
