// Weir inside a program that has a CAF actor system: jobs are started by a runtime, seen through handles, and fed by
// actors.
#pragma once

#include "actors/actor_source.hpp"
#include "actors/ask_actor.hpp"
#include "actors/feeder.hpp"
#include "actors/to_actor.hpp"
#include "coordinator/job_actor.hpp"
#include "coordinator/runtime.hpp"
