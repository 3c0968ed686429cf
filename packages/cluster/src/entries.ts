// The modules that threads and processes start from. They are named only here, because the
// published package is bundled: this module is then at the top of `dist`, as it is at the top of
// `src`, whichever module uses it.
