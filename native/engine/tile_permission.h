// Whether the system lends AMX's tiles, which it saves for every thread that holds some.
#pragma once

namespace embedpipe {

// Whether processor and system know tiles of int8 and bfloat16; this only looks.
bool tiles_are_known();

// Asks the system for them, once for all threads of the process and those that are forked. It refuses where a thread
// has an alternate stack for signals that is too small to save tiles on. Once it has agreed, it refuses such stacks
// (sigaltstack fails below some 12 KB), which may be another library's: so nobody asks before tiles are wanted.
bool tiles_are_permitted();

}  // namespace embedpipe
