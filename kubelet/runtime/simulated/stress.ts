/**
 * The two images with which courses show limits, `polinux/stress` and `vish/stress`: their arguments say what they use.
 */
import { Quantity } from '../../../pkg/apimachinery/quantity.js';
import type { ContainerConfig } from '../interface.js';
import { base } from './shell-effect.js';
import type { Usage } from './usage.js';

const UNITS: Readonly<Record<string, number>> = { '': 1, B: 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** Undefined for any other program. */
export function stressUsage(config: ContainerConfig): Partial<Usage> | undefined {
  const [program, ...rest] = config.command;
  if (base(program ?? '') === 'stress') return polinux([...rest, ...config.args]);
  if (program === undefined && /(^|\/)vish\/stress(:|@|$)/.test(config.image))
    return vish(config.args);
  return undefined;
}

/** `stress --vm 1 --vm-bytes 250M --cpu 2` */
function polinux(args: readonly string[]): Partial<Usage> {
  const value = (...flags: string[]) =>
    args[args.findIndex((arg) => flags.includes(arg)) + 1] ?? '';
  const given = (...flags: string[]) => args.some((arg) => flags.includes(arg));
  const size = /^(\d+)([BKMG]?)$/.exec(given('--vm-bytes') ? value('--vm-bytes') : '256M');
  const workers = given('--vm', '-m') ? Number(value('--vm', '-m')) : 0;
  const cores = given('--cpu', '-c') ? Number(value('--cpu', '-c')) : 0;
  return {
    cpuNanoCores: (cores + workers) * 1e9,
    memoryBytes: workers * Number(size?.[1] ?? 0) * (UNITS[size?.[2] ?? ''] ?? 1),
  };
}

/** `-cpus 2 -mem-total 950Mi -mem-alloc-size 100Mi -mem-alloc-sleep 1s` */
function vish(args: readonly string[]): Partial<Usage> {
  const value = (flag: string) => {
    const at = args.findIndex((arg) => arg === flag || arg === `-${flag}`);
    return at < 0 ? undefined : Quantity.tryParse(args[at + 1] ?? '');
  };
  const [cpus, memory] = [value('-cpus'), value('-mem-total')];
  return {
    ...(cpus ? { cpuNanoCores: Number(cpus.scaledValue(-9)) } : {}),
    ...(memory ? { memoryBytes: memory.value() } : {}),
  };
}
