// One run of one contestant, in a process of its own: node cell.mjs <file of cells/> <contestant>
// <scale>. Prints one line of JSON.
const [file, name, scale] = process.argv.slice(2)
const { contestants } = await import(`./cells/${file}`)
const { value, cpuUs = 0 } = await contestants[name](Number(scale))
const total = process.cpuUsage()
const { maxRSS } = process.resourceUsage()
console.log(
  JSON.stringify({
    value,
    cpuUs,
    maxRssMb: maxRSS / 1024,
    totalCpuMs: (total.user + total.system) / 1e3,
  }),
)
process.exit()
