#!/usr/bin/env node
import { processInterruption } from './interruption.js';
import { run } from './run.js';

process.exitCode = await run(process.argv.slice(2), { out: process.stdout, err: process.stderr, interruption: processInterruption });
