// Imports one module, or none.
import { args, load } from '../checkout.mjs'

if (args.length > 0) await load(args[0])
