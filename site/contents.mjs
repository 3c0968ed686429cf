// The table of contents: every page of docs/ is in it once, and every page is reached from it.
// `page` is a file of docs/ or site/pages/ without its ending.

export const CONTENTS = [
  {
    title: 'Start',
    pages: ['async-io'],
  },
  {
    title: 'Pipelines',
    pages: ['semantics', 'sources', 'batching', 'data-loader', 'resume', 'checkpoints'],
  },
  {
    title: 'Where code runs',
    pages: ['where-code-runs', 'regions', 'remote', 'shared-memory', 'loop-guard'],
  },
  {
    title: 'Performance',
    pages: ['find-the-bottleneck', 'tuning', 'observability', 'trace'],
  },
  {
    title: 'Media and arrays',
    pages: [
      'images',
      'audio',
      'video',
      'media-chain',
      'filters',
      'arrays',
      'wav',
      'archives',
      'untrusted-input',
    ],
  },
  { title: 'Coming from', pages: ['migrating-from-torch', 'migrating-from-tf-data'] },
  { title: 'Reference', pages: ['options', 'architecture', 'changelog'] },
]
