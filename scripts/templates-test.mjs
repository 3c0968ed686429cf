export function tryTemplates() {}
