import type { Command } from 'commander';

/** docs/cli.md: what the commands say of themselves. */
export function cliPage(program: Command): string {
  const commands = program.commands.filter(({ _hidden }: Command & { _hidden?: boolean }) => !_hidden);
  return [
    '# Command line',
    'Written by the commands themselves (`npx vitest run test/e2e/docs.test.ts -u`); `npx latino-native <command> --help` says the same, with examples.',
    'A task is written as the table of `docs/operators.md` has it. Exit status: 0 done, 2 bad input, 3 some images of a batch failed, 1 any other failure, 130 interrupted, 143 terminated.',
    ...commands.map(section),
    '',
  ].join('\n\n');
}

function section(command: Command): string {
  const help = command.createHelp();
  const rows = [
    ...help.visibleArguments(command).map((argument) => [`<${argument.name()}>`, help.argumentDescription(argument)]),
    ...help
      .visibleOptions(command)
      .filter(({ long }) => long !== '--help')
      .map((option) => [option.flags, help.optionDescription(option)]),
  ];
  const table = ['| | |', '|---|---|', ...rows.map(([name, text]) => `| \`${cell(name!)}\` | ${cell(text!)} |`)];
  return [`## ${command.name()}`, command.description(), `\`latino-native ${command.name()} ${command.usage()}\``, table.join('\n')].join(
    '\n\n',
  );
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
