// Reads the QR code in each picture; its line breaks are told as `|`.
var zxing = Packages.com.google.zxing
Array.prototype.slice.call(arguments).forEach(function (file) {
  var image = javax.imageio.ImageIO.read(new java.io.File(file))
  var width = image.getWidth()
  var height = image.getHeight()
  var pixels = image.getRGB(0, 0, width, height, null, 0, width)
  var source = new zxing.RGBLuminanceSource(width, height, pixels)
  var bitmap = new zxing.BinaryBitmap(new zxing.common.HybridBinarizer(source))
  var hints = new java.util.HashMap()
  hints.put(zxing.DecodeHintType.TRY_HARDER, java.lang.Boolean.TRUE)
  var found = new zxing.qrcode.QRCodeReader().decode(bitmap, hints)
  print(file + '\t' + String(found.getText()).replace(/\n/g, '|'))
})
