#!/usr/bin/env node
'use strict';
require('../../build/driver/main.js');
