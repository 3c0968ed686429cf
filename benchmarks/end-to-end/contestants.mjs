// The jobs, their inputs, and who does them, each in its own best idiom. The first contestant of a
// job is what the others are compared to. A contestant without its program is left out with a note.
import { hasFfmpeg, hasNpm, python, torchPython, webdatasetPath } from './rivals.mjs'

const node = process.execPath

/** @returns the jobs by name: { inputs, variants, contestants } */
export function findJobs() {
  const [spdl, torch] = [python(), torchPython()]
  const webdataset = torch && webdatasetPath(torch)
  const missing = (found, what) => (found ? undefined : `${what} is missing`)
  const needsSpdl = { missing: missing(spdl, 'SPDL and PyAV, see --setup') }
  const needsTorch = { missing: missing(torch, 'torch, see --setup') }
  const needsFfmpeg = { missing: missing(hasFfmpeg(), 'the ffmpeg command') }
  const needsPMap = { missing: missing(hasNpm(), 'p-map, see --setup') }

  const spindle = (name, way) => ({
    name,
    command: ({ photos }, ...rest) => [node, 'images-spindle.mjs', way, photos, ...rest],
  })
  const ofTorch = (name, way) => ({
    name,
    command: ({ photos }, ...rest) => [torch, 'images_torch.py', way, photos, ...rest],
    ...needsTorch,
  })
  const ofSharp = (name, way) => ({
    name,
    command: ({ photos }, ...rest) => [node, 'images-sharp.mjs', way, photos, ...rest],
    ...needsPMap,
  })
  const images = [
    spindle('Spindle, loadImageBatch', 'batch'),
    spindle('Spindle, runPipelineInWorker', 'worker'),
    spindle("Spindle, DataLoader 'worker'", 'loader-worker'),
    spindle('Spindle, loadImage each', 'single'),
    spindle("Spindle, DataLoader 'threads'", 'threads'),
    {
      name: 'SPDL',
      command: ({ photos }, ...rest) => [spdl, 'images_spdl.py', photos, ...rest],
      ...needsSpdl,
    },
    ofTorch('torch DataLoader, PIL draft', 'draft'),
    ofTorch('torch DataLoader, PIL', 'plain'),
    {
      name: 'webdataset, torch, PIL draft',
      command: ({ tars }, ...rest) => [torch, 'images_torch.py', 'webdataset', tars, ...rest],
      env: { PYTHONPATH: webdataset },
      missing: missing(webdataset, 'webdataset, see --setup'),
    },
    {
      name: 'ffmpeg command, one a core',
      command: ({ photos }, ...rest) => [node, 'images-ffmpeg.mjs', photos, ...rest],
      ...needsFfmpeg,
    },
    ofSharp('sharp, pMapIterable', 'stream'),
    ofSharp('sharp, p-map a batch', 'batch'),
  ]

  const media = (kind) => [
    { name: 'Spindle', command: (_, ...rest) => [node, `${kind}-spindle.mjs`, ...rest] },
    {
      name: 'SPDL',
      command: (_, ...rest) => [spdl, `${kind}_python.py`, 'spdl', ...rest],
      ...needsSpdl,
    },
    {
      name: 'PyAV',
      command: (_, ...rest) => [spdl, `${kind}_python.py`, 'pyav', ...rest],
      ...needsSpdl,
    },
    {
      name: 'ffmpeg command, one a file',
      command: (_, ...rest) => [node, `${kind}-ffmpeg.mjs`, ...rest],
      ...needsFfmpeg,
    },
  ]
  const imageJob = (form, pause) => ({
    title: `images → 32×3×224×224 ${form}${pause > 0 ? `, consumer ${pause} ms a batch` : ''}`,
    args: () => [form, String(pause)],
    contestants: images,
  })
  return {
    'uint8-0': imageJob('uint8', 0),
    'uint8-20': imageJob('uint8', 20),
    'float32-0': imageJob('float32', 0),
    'float32-20': imageJob('float32', 20),
    'video-sample': {
      title: 'video: 8 frames of each clip → 8×3×224×224',
      args: ({ clips }) => ['sample', clips],
      contestants: media('video'),
    },
    'video-decode': {
      title: 'video: all frames → 240×3×224×224',
      args: ({ clips }) => ['decode', clips],
      contestants: media('video'),
    },
    audio: {
      title: 'audio: windows of 5 s → 16 kHz mono',
      args: ({ sounds }) => [sounds],
      contestants: media('audio'),
    },
  }
}
