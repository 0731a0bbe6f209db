# The checks of tools/ as tests, and the tests of the checks.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

function(bora_check NAME)
  add_test(NAME checks.${NAME} COMMAND ${Python3_EXECUTABLE} ${ARGN})
  set_tests_properties(checks.${NAME} PROPERTIES LABELS checks TIMEOUT 120)
endfunction()

bora_check(arrows ${CMAKE_SOURCE_DIR}/tools/check_arrows.py)
bora_check(arrows_test ${CMAKE_CURRENT_LIST_DIR}/tools/check_arrows_test.py)
bora_check(style_test ${CMAKE_CURRENT_LIST_DIR}/tools/check_style_test.py)
bora_check(bench_instructions_test ${CMAKE_CURRENT_LIST_DIR}/bench/instructions_test.py)
bora_check(bench_report_test ${CMAKE_CURRENT_LIST_DIR}/bench/report_test.py)
bora_check(hub_double_test ${CMAKE_CURRENT_LIST_DIR}/hub/double_test.py)
if(TARGET bora)
  bora_check(hub_bora_test ${CMAKE_CURRENT_LIST_DIR}/hub/bora_test.py $<TARGET_FILE:bora>)
  bora_check(hub_bora_disk_test ${CMAKE_CURRENT_LIST_DIR}/hub/bora_disk_test.py $<TARGET_FILE:bora>)
  bora_check(hub_bora_network_test ${CMAKE_CURRENT_LIST_DIR}/hub/bora_network_test.py
             $<TARGET_FILE:bora>)
  bora_check(hub_bora_plan_test ${CMAKE_CURRENT_LIST_DIR}/hub/bora_plan_test.py $<TARGET_FILE:bora>)
  bora_check(hub_bora_quantize_test ${CMAKE_CURRENT_LIST_DIR}/hub/bora_quantize_test.py
             $<TARGET_FILE:bora>)
endif()
bora_check(isa_objects_test ${CMAKE_CURRENT_LIST_DIR}/tools/check_isa_objects_test.py
           ${CMAKE_CXX_COMPILER})
if(TARGET bora_kernels)
  bora_check(isa_objects ${CMAKE_SOURCE_DIR}/tools/check_isa_objects.py ${CMAKE_BINARY_DIR}
             --nm ${CMAKE_NM})
endif()
