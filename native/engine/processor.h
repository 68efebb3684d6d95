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

  // "float32", "int8" or "bfloat16"; throws std::invalid_argument for one that is not there.
  const Products& products(const std::string& precision) const;
};

// Bytes of a core's second-level cache; a megabyte where the system does not tell.
Index second_level_cache();

// The fastest first; the last, "portable", runs everywhere.
const std::vector<InstructionSet>& supported_instruction_sets();

// Throws std::invalid_argument for a name that is unknown or not supported here.
const InstructionSet& instruction_set_named(const std::string& name);

}  // namespace embedpipe
