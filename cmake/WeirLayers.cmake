# weir_add_layer(folder USES packages…): compiles one folder as the object target weir_<folder> and adds it to weir.

function(weir_add_layer folder)
  cmake_parse_arguments(PARSE_ARGV 1 layer "" "" "USES")
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/*.cpp")
  if(NOT sources)
    return() # a layer may be headers only
  endif()
  add_library(weir_${folder} OBJECT ${sources})
  weir_compile_settings(weir_${folder})
  target_compile_definitions(weir_${folder} PRIVATE $<$<BOOL:${WEIR_FAILPOINTS}>:WEIR_FAILPOINTS>)
  target_link_libraries(weir_${folder} PRIVATE ${layer_USES})
  target_sources(weir PRIVATE $<TARGET_OBJECTS:weir_${folder}>)
endfunction()
