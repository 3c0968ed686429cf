// Prints what the process used when it ends, for `run.mjs`. A cell may set `globalThis.figures`.
process.on('exit', () => {
  const { user, system } = process.cpuUsage()
  const report = {
    cpuMs: (user + system) / 1e3,
    wallMs: performance.now(),
    maxRssMb: process.resourceUsage().maxRSS / 1024,
    ...globalThis.figures,
  }
  process.stderr.write(`\n@start ${JSON.stringify(report)}\n`)
})
