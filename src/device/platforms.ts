import type { Device } from './addon.js';

/** What an addon is built for: it has devices of one kind. */
export type Flavour = Device['kind'];

/** What a release has a package of, `@latino-native/<platform>`, with the addon compiled for it: operating system, processor and, for GPUs, `cuda`. */
export const PLATFORMS: readonly string[] = ['linux-x64', 'linux-x64-cuda', 'linux-arm64', 'darwin-arm64'];

export const packageOf = (platform: string): string => `@latino-native/${platform}`;

/** The platform whose package would be installed here for this flavour. */
export const platformOf = (flavour: Flavour): string => `${process.platform}-${process.arch}${flavour === 'cuda' ? '-cuda' : ''}`;

/** Whether addons that were compiled elsewhere for Linux can run: they want glibc, which takes a while to find out. */
export function hasGlibc(): boolean {
  const { header } = process.report.getReport() as unknown as { readonly header: { readonly glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime !== undefined;
}
