/** uPlot, which the report has in a script of its own before these. */
declare const uPlot: typeof import('uplot');
