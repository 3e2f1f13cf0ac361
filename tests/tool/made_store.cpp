// The stores that tests/sql makes are made for the tool too.
#include "sql/made_store.cpp" // NOLINT(bugprone-suspicious-include): one kind of test links nothing of another
