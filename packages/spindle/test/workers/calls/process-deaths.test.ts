import { testDeaths } from './kill-matrix.ts'

testDeaths('process')
