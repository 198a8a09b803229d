// Asks phive about each pair of a rule set and a file: `valid`, or the first errors.
var helger = Packages.com.helger
var registry = new helger.phive.api.executorset.ValidationExecutorSetRegistry()
helger.phive.en16931.EN16931Validation.initEN16931(registry)
helger.phive.peppol.PeppolValidation.initStandard(registry)
for (var at = 0; at + 1 < arguments.length; at += 2) {
  var parts = String(arguments[at]).split(':')
  var id = helger.diver.api.coord.DVRCoordinate.parseOrNull(arguments[at])
  var rules = registry.getOfID(id)
  var file = new java.io.File(arguments[at + 1])
  var source = helger.phive.xml.source.ValidationSourceXML.create(new helger.io.resource.FileSystemResource(file))
  var results = helger.phive.api.execute.ValidationExecutionManager.executeValidation(
    helger.phive.api.validity.IValidityDeterminator.createDefault(), rules, source)
  var said = results.containsAtLeastOneError() ? 'invalid ' + results.getAllErrors() : 'valid'
  print(file + '\t' + String(said).replace(/\s+/g, ' '))
}
