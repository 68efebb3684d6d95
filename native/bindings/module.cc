#include "bindings.h"

NB_MODULE(_native, module) {
  module.doc() = "The compiled engine. Checks of what users pass in stand in embedpipe.engine.native, its only caller.";
  // A thread that computes when the interpreter ends keeps its encoder, which is no leak to warn of.
  nanobind::set_leak_warnings(false);
  embedpipe::bindings::bind_processor(module);
  embedpipe::bindings::bind_model(module);
  embedpipe::bindings::bind_encoder(module);
}
