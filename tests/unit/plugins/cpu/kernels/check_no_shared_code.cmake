# SPDX-License-Identifier: Apache-2.0
# Fails if an object file compiled for one instruction set defines a weak symbol: the linker could keep that copy of a
# shared inline function for every CPU, and an older one would die of it. Arguments: NM, OBJECTS.
string(REPLACE "," ";" OBJECTS "${OBJECTS}")
set(checked 0)
foreach(object IN LISTS OBJECTS)
  if(NOT object MATCHES "kernels_avx")
    continue()
  endif()
  execute_process(COMMAND ${NM} -C ${object} OUTPUT_VARIABLE symbols RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${NM} failed on ${object}")
  endif()
  if(symbols MATCHES "[0-9a-f]+ [WVu] [^\n]*")
    message(FATAL_ERROR "${object} defines a symbol that other files may share: ${CMAKE_MATCH_0}")
  endif()
  math(EXPR checked "${checked} + 1")
endforeach()
message(STATUS "${checked} object files define no shared symbol")
