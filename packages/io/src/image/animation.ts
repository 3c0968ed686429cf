import type { EncodedImage } from './backend.ts'
import { isApng } from './formats/apng.ts'
import { isWebpAnimation } from './formats/webp.ts'

/** Whether a file may have several pictures: any GIF, and animated WebP and PNG. */
export function isAnimated({ bytes, format }: EncodedImage): boolean {
  if (format === 'gif') return true
  if (format === 'webp') return isWebpAnimation(bytes)
  return format === 'png' && isApng(bytes)
}
