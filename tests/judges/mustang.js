// Asks Mustang about each file: `valid`, or what it found; then how many seconds it took.
var files = Array.prototype.slice.call(arguments)
files.forEach(function (file) {
  var started = Packages.java.lang.System.nanoTime()
  var validator = new Packages.org.mustangproject.validator.ZUGFeRDValidator()
  var report = validator.validate(file)
  var said = validator.wasCompletelyValid() ? 'valid' : 'invalid ' + report
  var took = (Packages.java.lang.System.nanoTime() - started) / 1e9
  print(file + '\t' + String(said).replace(/\s+/g, ' '))
  print('took ' + took)
})
