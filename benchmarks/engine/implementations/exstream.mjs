import { importRival } from '../rivals.mjs'

const { default: exstream } = await importRival('exstream.js')

export const exstreamJs = {
  name: 'exstream.js resolve',
  hasConcurrency: true,
  backpressure: 'yes',
  supports: ({ shape }) => shape !== 'files-fast',
  items: { async: 1e6, sync: 4e6, timers: 20_000, files: 10_000 },
  run({ shape, order, concurrency, operations, source, consume }) {
    return new Promise((resolve, reject) => {
      let stream = exstream(source)
      for (const operation of operations) {
        stream = stream.map(operation)
        if (shape !== 'sync') stream = stream.resolve(concurrency, order === 'input')
      }
      stream.on('error', reject)
      stream.on('end', resolve)
      stream.each(consume)
    })
  },
}
