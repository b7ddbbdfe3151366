# SPDX-License-Identifier: Apache-2.0
# Makes the files anew in OUT and compares them with those of ROOT.
execute_process(COMMAND ${GENERATOR} ${ROOT}/plugin_api/registry/rlx.json ${OUT} COMMAND_ERROR_IS_FATAL ANY)
foreach(file plugin_api/check/layout.inc runtime/ir/op_table.inc tools/conform/shared/registry_table.inc docs/ops.md)
  execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${OUT}/${file} ${ROOT}/${file} RESULT_VARIABLE differs)
  if(differs)
    message(FATAL_ERROR "${file} is not what the registry says; run: rlx_registry plugin_api/registry/rlx.json .")
  endif()
endforeach()
