// What this processor can run.
#pragma once

#include <string>
#include <vector>

#include "../kernels/kernels.h"

namespace embedpipe {

// Tables that run together: everything that one family of processors offers.
struct InstructionSet {
  const char* name;
  const Kernels* kernels;
  const Products* int8;
  const Products* bfloat16;  // null without instructions for it
  bool tiles = false;        // whether int8 and bfloat16 take AMX's tiles, which the system has to permit

  // "float32", "int8" or "bfloat16"; throws std::invalid_argument for one that is not there, or not permitted.
  const Products& products(const std::string& precision) const;
};

// Bytes of a core's second-level cache; a megabyte where the system does not tell.
Index second_level_cache();

// The fastest first; the last, "portable", runs everywhere. "amx" is among them where processor and system know tiles,
// whether or not they will be permitted.
const std::vector<InstructionSet>& supported_instruction_sets();

// The same loops as "amx" on any processor, with a plain model of tiles: slow, and for tests.
const InstructionSet& tile_model();

// One of these, by its name. Throws std::invalid_argument for a name that is unknown or not supported here.
const InstructionSet& instruction_set_named(const std::string& name);

}  // namespace embedpipe
