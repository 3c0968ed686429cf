// The table of contents: every page of docs/ is in it once, and every page is reached from it.
// `page` is a file of docs/ or site/pages/ without its ending.

export const CONTENTS = [
  {
    title: 'Start',
    pages: ['getting-started', 'async-io', 'choosing-a-format', 'troubleshooting', 'faq'],
  },
  {
    title: 'Pipelines',
    pages: [
      'semantics',
      'sources',
      'stores',
      'batching',
      'data-loader',
      'paths-and-merges',
      'pushing',
      'rate-limits',
      'resume',
      'checkpoints',
      'sinks',
    ],
  },
  {
    title: 'Where code runs',
    pages: ['where-code-runs', 'regions', 'remote', 'shared-memory', 'loop-guard', 'bundlers'],
  },
  { title: 'Many machines', pages: ['cluster'] },
  {
    title: 'Performance',
    pages: [
      'find-the-bottleneck',
      'tuning',
      'observability',
      'trace',
      'comparing-ranks',
      'benchmarks',
    ],
  },
  {
    title: 'Media and arrays',
    pages: [
      'models',
      'images',
      'audio',
      'video',
      'media-chain',
      'filters',
      'from-the-ffmpeg-command',
      'arrays',
      'columns',
      'wav',
      'archives',
      'untrusted-input',
    ],
  },
  { title: 'Coming from', pages: ['migrating-from-torch', 'migrating-from-tf-data'] },
  { title: 'Reference', pages: ['options', 'errors', 'architecture', 'changelog'] },
]
