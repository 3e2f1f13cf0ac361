// Weir inside a program that has a CAF actor system: jobs are started by a runtime, and seen through handles.
#pragma once

#include "coordinator/runtime.hpp"
