// Nothing: CMake compiles the headers that tests share for this file. See cmake/SweepTest.cmake.
