// Weir: all that a program needs to compose and run jobs. What needs CAF is in <weir/caf.hpp>.
#pragma once

#include "coordinator/command_line.hpp"
#include "coordinator/run.hpp"
#include "operators/callback.hpp"
#include "operators/from_vector.hpp"
#include "operators/generator.hpp"
#include "operators/job.hpp"
#include "operators/print.hpp"
#include "operators/records.hpp"
#include "operators/sqlite_table.hpp"
#include "operators/text_files.hpp"
#include "operators/text_lines.hpp"
#include "persistence/fields.hpp"
#include "persistence/sqlite_database.hpp"
