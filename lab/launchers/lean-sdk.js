'use strict';
// Preloaded into every program and policy pack that the launchers here start. @pulumi/pulumi loads npm's dependency
// resolver along with its index, half of its whole loading time, and asks it only when it packs code for a cloud
// function. Here it is loaded when somebody asks it for something.
const Module = require('node:module');

const LAZY = '@npmcli/arborist';
const load = Module._load;

Module._load = function (request, parent, isMain) {
  const now = () => load.call(this, request, parent, isMain);
  return request === LAZY ? whenAsked(now) : now();
};

function whenAsked(now) {
  let loaded;
  return new Proxy(
    {},
    {
      // '__esModule' is what compiled code asks first, to decide whether to copy the whole module at once.
      get: (_target, name) => (name === '__esModule' ? true : (loaded ??= now())[name]),
    },
  );
}
