// The main function of every Catch2 executable here.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
