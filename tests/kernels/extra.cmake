target_sources(bora_kernels_tests PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/kernels/kernel_testing.cc)

# The emulated kernels, and the primitives of the wrappers that are compared with each other: built
# with the flags of their ISA, one object library each.
foreach(isa IN ITEMS avx512 emulated simde)
  if(TARGET bora_kernels_${isa})
    set(made ${CMAKE_CURRENT_BINARY_DIR}/cpu/${isa}/primitives.cc)
    configure_file(${CMAKE_CURRENT_LIST_DIR}/primitives.cc.in ${made} @ONLY)
    add_library(bora_kernels_tests_${isa} OBJECT ${made})
    target_include_directories(bora_kernels_tests_${isa} PRIVATE ${CMAKE_SOURCE_DIR}
                                                                 ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(bora_kernels_tests_${isa} PRIVATE bora_options)
    target_compile_options(bora_kernels_tests_${isa} PRIVATE
      $<TARGET_PROPERTY:bora_kernels_${isa},COMPILE_OPTIONS>)
    target_sources(bora_kernels_tests PRIVATE $<TARGET_OBJECTS:bora_kernels_tests_${isa}>)
    string(TOUPPER ${isa} macro)
    target_compile_definitions(bora_kernels_tests PRIVATE BORA_TEST_HAS_${macro})
  endif()
endforeach()
foreach(isa IN ITEMS emulated simde)
  if(TARGET bora_kernels_${isa})
    target_sources(bora_kernels_tests PRIVATE $<TARGET_OBJECTS:bora_kernels_${isa}>)
  endif()
endforeach()
