export { type CommandHost, type CommandInput, clusterCommand } from './cli/cluster-command.ts'
