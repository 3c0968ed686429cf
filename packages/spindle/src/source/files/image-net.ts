import { join } from 'node:path'
import { badOption } from '../../check.ts'
import { SpindleError } from '../../errors.ts'
import { choice, options, type Rules } from '../../options/index.ts'
import { PlannedSource } from '../seek/expose.ts'
import type { SyncSource } from '../seek/source-types.ts'
import { ImageFolder } from './image-folder.ts'
import { imageNetLabels, imageNetSynsets } from './image-net-classes.ts'
import { digestOfNames } from './list-files.ts'

/** An image of ImageNet-1k. */
export interface ImageNetSample {
  readonly path: string
  /** 0..999, the label that models trained on ImageNet-1k use. */
  readonly label: number
  /** WordNet id of the class: `n02110958`. */
  readonly wnid: string
  /** Name of the class: `pug, pug-dog`. */
  readonly name: string
}

/** Options of {@link fromImageNet}. */
export interface ImageNetOptions {
  /** Part of the data set. Default `'val'`. */
  readonly split?: 'train' | 'val'
}

const imageNetOptions = options('ImageNetOptions', {
  split: choice(['train', 'val'], { default: 'val' }),
} satisfies Rules<ImageNetOptions>)

/**
 * The images of ImageNet-1k (ILSVRC 2012), with one folder per class:
 * `root/train/n02110958/….JPEG`. The labels are the standard ones, even if some classes are
 * missing.
 *
 * @throws `ERR_BAD_SOURCE` for a folder that is not a class of ImageNet-1k; as `ImageFolder.open`
 */
export async function fromImageNet(
  root: string,
  options: ImageNetOptions = {},
): Promise<SyncSource<ImageNetSample>> {
  const { split } = imageNetOptions.check(options)
  const folder = join(root, split)
  const files = await ImageFolder.open(folder, { extensions: ['jpeg', 'jpg'] })
  const labels = files.classes.map((wnid) => {
    const label = imageNetSynsets().indexOf(wnid)
    if (label !== -1) return label
    throw new SpindleError(
      'ERR_BAD_SOURCE',
      `${join(folder, wnid)} is not one of the 1000 classes of ImageNet-1k`,
    )
  })
  const samples = [...files].map(({ path, label }) => ({ path, label: labels[label]! }))
  return new PlannedSource<ImageNetSample>({
    size: samples.length,
    access: 'random',
    isAsync: false,
    describe: () => ({
      kind: 'ImageNet',
      size: samples.length,
      digest: digestOfNames(
        root,
        samples.map(({ path }) => path),
      ),
    }),
    *pick(positions) {
      for (const position of positions) {
        const { path, label } = samples[position]!
        yield { path, label, wnid: imageNetSynsets()[label]!, name: imageNetLabels()[label]! }
      }
    },
  })
}

/**
 * The WordNet id in a path: the first `n` followed by eight digits.
 *
 * @throws `ERR_BAD_OPTION` if there is none
 *
 * @example
 * ```ts run
 * import assert from 'node:assert/strict'
 * import { imageNetLabels, imageNetSynsets, parseWnid } from 'spindle/source'
 *
 * const wnid = parseWnid('train/n02110958/n02110958_10193.JPEG')
 * assert.equal(wnid, 'n02110958')
 * assert.equal(imageNetLabels()[imageNetSynsets().indexOf(wnid)], 'pug, pug-dog')
 * ```
 */
export function parseWnid(path: string): string {
  const wnid = /n\d{8}/.exec(path)?.[0]
  return wnid ?? badOption('path', 'one that has a WordNet id, `n` and eight digits, in it', path)
}
