// One function per subject, each in its own file; module.cc calls them all.
#pragma once

#include <nanobind/nanobind.h>

namespace embedpipe::bindings {

void bind_encoder(nanobind::module_& module);
void bind_model(nanobind::module_& module);
void bind_processor(nanobind::module_& module);

}  // namespace embedpipe::bindings
